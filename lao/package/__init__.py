"""Plugin packages and libraries: read, checked and written without ever loading them."""
