#define REAL float
#include "scalar_real.h"
