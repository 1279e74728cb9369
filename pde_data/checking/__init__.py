"""Is a file what it claims to be?"""
