// Element types of tensors, and the ABI's dtypes that belong to them.
#ifndef LAO_CPP_DTYPE_HPP
#define LAO_CPP_DTYPE_HPP

#include <complex>
#include <cstdint>
#include <string>
#include <type_traits>

#include "../value.h"

namespace lao {

// Bits of a 16-bit float; C++17 has no arithmetic for them.
struct float16 {
    std::uint16_t bits;
};
struct bfloat16 {
    std::uint16_t bits;
};

// The dtype of an element type; does not compile for what the ABI cannot carry.
template <class T> constexpr lao_dtype_t dtype_of() noexcept {
    constexpr auto bits = static_cast<std::uint8_t>(sizeof(T) * 8);
    if constexpr (std::is_same_v<T, bool>) {
        return {LAO_DTYPE_BOOL, 8, 1};
    } else if constexpr (std::is_same_v<T, float16>) {
        return {LAO_DTYPE_FLOAT, 16, 1};
    } else if constexpr (std::is_same_v<T, bfloat16>) {
        return {LAO_DTYPE_BFLOAT, 16, 1};
    } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
        return {LAO_DTYPE_FLOAT, bits, 1};
    } else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
        return {LAO_DTYPE_COMPLEX, bits, 1};
    } else {
        static_assert(std::is_integral_v<T>, "no dtype of LAO has this element type");
        return {std::is_signed_v<T> ? LAO_DTYPE_INT : LAO_DTYPE_UINT, bits, 1};
    }
}

// "float32", "uint8", ...
inline std::string dtype_name(lao_dtype_t dtype) {
    static constexpr const char *names[] = {"int", "uint", "float", "", "bfloat", "complex", "bool"};
    if (dtype.code == LAO_DTYPE_BOOL) {
        return "bool";
    }
    std::string name = dtype.code <= LAO_DTYPE_BOOL ? names[dtype.code] : "dtype";
    return name + std::to_string(dtype.bits);
}

} // namespace lao

#endif // LAO_CPP_DTYPE_HPP
