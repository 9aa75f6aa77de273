"""The side of the SQL database. SQLAlchemy Core renders the statements, PyMySQL or sqlite3 sends them."""
