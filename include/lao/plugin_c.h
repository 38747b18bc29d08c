/* What a plugin in C works with: the ABI, and small inline functions that take the repetition out of it. */
#ifndef LAO_PLUGIN_C_H
#define LAO_PLUGIN_C_H

#include "c/array.h"
#include "c/check.h"
#include "c/declare.h"
#include "c/fail.h"
#include "c/fields.h"
#include "c/give.h"
#include "c/json.h"
#include "c/label.h"
#include "c/letter_case.h"
#include "c/params.h"
#include "c/schema.h"
#include "c/services.h"
#include "c/settings.h"
#include "c/text.h"
#include "c/utf8.h"
#include "lao.h"

#endif /* LAO_PLUGIN_C_H */
