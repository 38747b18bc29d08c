/* Arrays in C order: the strides of one, and the elements of another brought into it. */
#ifndef LAO_CORE_PACKING_H
#define LAO_CORE_PACKING_H

#include <lao/value.h>

/* Strides in elements of an array of this shape whose elements lie one after the other. */
void lao__c_strides(int32_t rank, const int64_t *shape, int64_t *strides);

/* Copies the elements of a tensor that was checked and has some, one innermost run at a time. `strides` are the
 * tensor's, never NULL where it has axes. */
void lao__pack(const lao_tensor_t *tensor, const int64_t *strides, char *target);

#endif
