"""What is told of a data set, one module a vocabulary. Made from the data set and its facts; opens no data."""
