"""Blurred and sharp pairs."""
