"""The doctor's checks: small functions that look and change nothing; `operations/doctor.py` lists them in order."""
