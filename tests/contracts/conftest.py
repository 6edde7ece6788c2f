"""One torch thread: on a busy machine two were seen ten times slower than one."""

import torch

torch.set_num_threads(1)
