#include "train/grad/vectors.h"

#include "train/grad/targets.h"
//
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/grad/vectors.cc"
#include <hwy/foreach_target.h>
//
#include "train/grad/vectors-inl.h"

#if HWY_ONCE
namespace qnext::train {

HWY_EXPORT(float_vectors);
HWY_EXPORT(double_vectors);

template <>
const Vectors<float>& vectors() {
  static const Vectors<float> table = HWY_DYNAMIC_DISPATCH(float_vectors)();
  return table;
}
template <>
const Vectors<double>& vectors() {
  static const Vectors<double> table = HWY_DYNAMIC_DISPATCH(double_vectors)();
  return table;
}

}  // namespace qnext::train
#endif
