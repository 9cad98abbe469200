"""The writers: index, import and export, verify, maintenance, cluster."""
