"""Networks: built from layers, and from a group. The plain twin is one of them."""

from ._conserving import Conserving as Conserving
from ._contract import AbstractMap as AbstractMap, AbstractNetwork as AbstractNetwork
from ._cost import (
    Cost as Cost,
    LayerCost as LayerCost,
    ProgramCost as ProgramCost,
    cost as cost,
    count_flops as count_flops,
    count_parameters as count_parameters,
)
from ._description import (
    describe_model as describe_model,
    rebuild_model as rebuild_model,
)
from ._fno import FNO as FNO, FourierBlock as FourierBlock
from ._galilean import Galilean as Galilean
from ._group_average import GroupAverage as GroupAverage
from ._nondimensional import Nondimensional as Nondimensional
from ._persistence import Persistence as Persistence
from ._propagator import Propagator as Propagator
from ._res_unet import ConditionedBlock as ConditionedBlock, ResUNet as ResUNet
from ._residual import Residual as Residual
from ._resnet import (
    DilatedResNet as DilatedResNet,
    ResidualBlock as ResidualBlock,
    ResNet as ResNet,
)
from ._transfer import transfer_weights as transfer_weights
from ._twin import twin as twin
from ._unet import ConvBlock as ConvBlock, UNet as UNet
