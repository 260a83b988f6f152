"""Real servers for the tests: fetched from Maven Central into the user's cache, or run by Docker."""
