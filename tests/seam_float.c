#define REAL float
#include "seam_real.h"
