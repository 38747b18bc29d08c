/* What a plugin in C works with: the ABI, and small inline functions that take the repetition out of it. */
#ifndef LAO_PLUGIN_C_H
#define LAO_PLUGIN_C_H

#include "c/fail.h"
#include "c/give.h"
#include "c/json.h"
#include "c/letter_case.h"
#include "c/params.h"
#include "c/utf8.h"
#include "lao.h"

#endif /* LAO_PLUGIN_C_H */
