// LAO's C++17 SDK, header-only: a plugin is a class with ordinary functions, and one declaration.
//
//   class Shout {
//     public:
//       std::string process(std::string_view text, const lao::Call &call) const {
//           return std::string(text) + std::string(static_cast<std::size_t>(call.integer("marks")), '!');
//       }
//   };
//
//   LAO_PLUGIN(lao::Plugin<Shout>("shout", "1.0.0", lao::Threads::full)
//                  .capability("process", "Adds exclamation marks", &Shout::process,
//                              {lao::int_param("marks", 1, "How many", 0, 100)}))
//
// An exception that leaves a function becomes a status with its text: lao::InvalidInput and its like (cpp/error.hpp)
// as what they say, any other as LAO_FAILED.
#ifndef LAO_LAO_HPP
#define LAO_LAO_HPP

#include "c/letter_case.h"
#include "c/utf8.h"
#include "cpp/array.hpp"
#include "cpp/array_view.hpp"
#include "cpp/batch.hpp"
#include "cpp/call.hpp"
#include "cpp/capability.hpp"
#include "cpp/config.hpp"
#include "cpp/dtype.hpp"
#include "cpp/error.hpp"
#include "cpp/host.hpp"
#include "cpp/instance.hpp"
#include "cpp/json_write.hpp"
#include "cpp/param.hpp"
#include "cpp/plugin.hpp"
#include "cpp/schema.hpp"
#include "cpp/services.hpp"
#include "cpp/stream.hpp"
#include "cpp/table.hpp"
#include "cpp/value.hpp"
#include "cpp/view.hpp"
#include "cpp/writer.hpp"
#include "lao.h"

#endif // LAO_LAO_HPP
