"""Tests of the modalities; each one's folder holds an example block for the contract."""
