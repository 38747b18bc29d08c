// Exceptions that become statuses at the boundary. None crosses it.
#ifndef LAO_CPP_ERROR_HPP
#define LAO_CPP_ERROR_HPP

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "../status.h"

namespace lao {

// A failure with a status of the ABI and a text for people.
class Error : public std::runtime_error {
  public:
    Error(lao_status_t status, const std::string &text) : std::runtime_error(text), status_(status) {}
    lao_status_t status() const noexcept { return status_; }
    // What the plugin answers: statuses of the host's services, such as LAO_LIMIT_EXCEEDED, are not a plugin's own.
    lao_status_t answer() const noexcept { return status_ < LAO_LIMIT_EXCEEDED ? status_ : lao_status_t{LAO_FAILED}; }

  private:
    lao_status_t status_;
};

template <lao_status_t Status> class ErrorOf : public Error {
  public:
    explicit ErrorOf(const std::string &text) : Error(Status, text) {}
};

using Failed = ErrorOf<LAO_FAILED>;
using InvalidInput = ErrorOf<LAO_INVALID_INPUT>;
using InvalidParameter = ErrorOf<LAO_INVALID_PARAMETER>;
using InvalidConfig = ErrorOf<LAO_INVALID_CONFIG>;
using Unsupported = ErrorOf<LAO_UNSUPPORTED>;
using PermissionDenied = ErrorOf<LAO_PERMISSION_DENIED>;
using Cancelled = ErrorOf<LAO_CANCELLED>;
using TimedOut = ErrorOf<LAO_TIMED_OUT>;

namespace detail {

// The barrier: runs `function`, and turns whatever it throws into a status with its text.
template <class Function> lao_status_t guard(lao_error_t *error, Function &&function) noexcept {
    try {
        function();
        return LAO_OK;
    } catch (const Error &failure) {
        return lao_fail(error, failure.answer(), failure.what());
    } catch (const std::bad_alloc &) {
        return lao_fail(error, LAO_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception &failure) {
        return lao_fail(error, LAO_FAILED, failure.what());
    } catch (...) {
        return lao_fail(error, LAO_FAILED, "an exception of unknown type was thrown");
    }
}

} // namespace detail
} // namespace lao

#endif // LAO_CPP_ERROR_HPP
