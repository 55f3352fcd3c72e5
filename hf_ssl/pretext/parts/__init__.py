"""Components shared by tasks: an encoder with a head, the contrastive loss, and questions about images."""
