"""What a home keeps: configuration, catalog, caches, statistics."""
