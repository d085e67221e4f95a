"""What the app does on its keys, one concern a module: navigation, look, giving out, leaving, words, market."""
