"""The command ``gpa``: one file for each group of commands, nothing but words and options."""
