"""The playground: a page to try the models on, which is a client of the API like any other."""
