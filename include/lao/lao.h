/* LAO's C ABI, whole. A plugin includes this, or lao.hpp in C++. */
#ifndef LAO_LAO_H
#define LAO_LAO_H

#include "abi.h"
#include "ext/batch.h"
#include "ext/events.h"
#include "ext/lifecycle.h"
#include "ext/services.h"
#include "ext/state.h"
#include "ext/stream.h"
#include "host.h"
#include "plugin.h"
#include "status.h"
#include "value.h"

#endif /* LAO_LAO_H */
