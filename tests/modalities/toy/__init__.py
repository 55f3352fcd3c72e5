"""The proof that a modality is added by one folder and one line: number series, which no file of the package knows of."""
