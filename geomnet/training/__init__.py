"""Training as functions: losses and metrics, one jitted step, rollout, checkpoints."""

from ..metrics import nrmse as nrmse, smse as smse
from ._average import WeightAverage as WeightAverage
from ._checkpoint import (
    load_checkpoint as load_checkpoint,
    load_weights as load_weights,
    read_metadata as read_metadata,
    save_checkpoint as save_checkpoint,
)
from ._curriculum import Curriculum as Curriculum
from ._evaluate import (
    RolloutMetric as RolloutMetric,
    evaluate as evaluate,
    predict as predict,
)
from ._fit import fit as fit
from ._keep import Keep as Keep
from ._loading import Loading as Loading
from ._loggers import (
    CSVLog as CSVLog,
    JSONLog as JSONLog,
    TensorBoardLog as TensorBoardLog,
    WandbLog as WandbLog,
)
from ._loss_wrappers import (
    accumulate as accumulate,
    augmented as augmented,
    mixed_precision as mixed_precision,
)
from ._losses import unrolled as unrolled
from ._members import (
    loss_of_members as loss_of_members,
    optimiser_of_members as optimiser_of_members,
    stack_models as stack_models,
    unstack_models as unstack_models,
)
from ._one_file import load as load, save as save
from ._reports import Beginning as Beginning, Report as Report
from ._rollout import rollout as rollout
from ._run import OtherRun as OtherRun
from ._shifts import shifted as shifted
from ._signals import Interrupted as Interrupted, Terminated as Terminated
from ._step import (
    TrainState as TrainState,
    batches as batches,
    make_optimiser as make_optimiser,
    make_train_step as make_train_step,
    start_training as start_training,
)
from ._unit_variance import unit_variance as unit_variance
from ._validation import EarlyStopping as EarlyStopping
