"""The domain of the city's public-credit service, one package per feature."""
