"""Shall I pretrain, shall I cluster, or shall I pay for labels? Answered on one's own rows."""
