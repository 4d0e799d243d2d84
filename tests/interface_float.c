#define REAL float
#include "interface_real.h"
