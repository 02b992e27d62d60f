"""Where evaluations run on Ray, and what is kept of them.

Import from the modules: of all processes, warm workers alone load torch, by `train_run`.
"""
