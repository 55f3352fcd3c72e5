"""Should I pretrain, cluster, or pay for labels? A comparison on your own rows."""
