"""Neighbour 3: the SQL database. SQLAlchemy Core writes the statements, PyMySQL or sqlite3 carry them."""
