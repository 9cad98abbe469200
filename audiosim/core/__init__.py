"""What everything rests on: types, errors, configuration, paths, text, files."""
