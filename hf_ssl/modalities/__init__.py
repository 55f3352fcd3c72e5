"""What all tasks on one kind of data share: flags, preparing, features, baselines."""
