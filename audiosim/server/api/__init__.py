"""The calls under ``/api/v1``, a file for each kind."""
