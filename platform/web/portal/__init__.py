"""What the pages of the admin portal are made of; each app says in `admin.py` what it shows."""
