"""Training that withstands poisoned data."""
