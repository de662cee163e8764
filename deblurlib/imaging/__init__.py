"""Images as tensors; nothing here is learned."""
