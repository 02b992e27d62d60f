"""Where evaluations run on Ray, and what is kept of them.

Import from the modules: the processes of Tune trials load `trial` alone, not torch.
"""
