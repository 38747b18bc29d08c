// The functions of expressions. Null in is null out, but for `coalesce`, `concat` and `if`.
#include <lao/c/letter_case.h>
#include <lao/c/utf8.h>

#include <cmath>

#include "expression.hpp"

namespace data {
namespace {

using Values = std::vector<Value>;
constexpr std::size_t MOST_TEXT = 16 << 20; // bytes that `replace` and `concat` make

const std::string &text_of(const Value &value) {
    if (!value.is_text()) {
        throw Wrong{"a text is needed, not " + described(value)};
    }
    return value.text();
}

bool has_null(const Values &of) noexcept {
    for (const auto &value : of) {
        if (value.is_null()) {
            return true;
        }
    }
    return false;
}

template <class Run> Value on_text(const Values &of, Run run) {
    return of[0].is_null() ? Value() : run(text_of(of[0]));
}

template <class Run> Value on_texts(const Values &of, Run run) {
    for (const auto &value : of) {
        if (!value.is_null()) {
            text_of(value);
        }
    }
    return has_null(of) ? Value() : Value::of(run(std::string_view(of[0].text()), std::string_view(of[1].text())));
}

std::string in_case(const std::string &text, std::uint32_t (*change)(std::uint32_t)) {
    std::string made;
    const char *at = text.data(), *const end = at + text.size();
    char bytes[4];
    while (at < end) {
        made.append(bytes, lao_utf8_put(bytes, change(static_cast<std::uint32_t>(lao_utf8_next(&at, end)))));
    }
    return made;
}

Value lower(const Values &of) {
    return on_text(of, [](const auto &text) { return Value::of_text(in_case(text, lao_to_lower)); });
}
Value upper(const Values &of) {
    return on_text(of, [](const auto &text) { return Value::of_text(in_case(text, lao_to_upper)); });
}
Value trim(const Values &of) {
    return on_text(of, [](const auto &text) { return Value::of_text(std::string(trimmed(text))); });
}
Value length(const Values &of) {
    return on_text(of, [](const auto &text) { return Value::of(lao_utf8_count(text.data(), text.size())); });
}
Value contains(const Values &of) {
    return on_texts(of, [](auto text, auto part) { return text.find(part) != std::string_view::npos; });
}
Value starts_with(const Values &of) {
    return on_texts(of, [](auto text, auto part) { return text.substr(0, part.size()) == part; });
}
Value ends_with(const Values &of) {
    return on_texts(of, [](auto text, auto part) {
        return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
    });
}

Value replace(const Values &of) {
    on_texts(of, [](auto, auto) { return true; }); // all of them are texts
    if (has_null(of)) {
        return {};
    }
    const std::string &text = of[0].text(), &from = of[1].text(), &to = of[2].text();
    if (from.empty()) {
        throw Wrong{"`replace` has nothing to look for"};
    }
    std::string made;
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(from, at);
        made.append(text, at, found - at);
        if (found == std::string::npos) {
            return Value::of_text(std::move(made));
        }
        made += to;
        if (made.size() > MOST_TEXT) {
            throw Wrong{"`replace` would make a text of more than 16 MiB"};
        }
        at = found + from.size();
    }
}

Value concat(const Values &of) {
    std::string made;
    for (const auto &value : of) {
        value.write_plain(made);
        if (made.size() > MOST_TEXT) {
            throw Wrong{"`concat` would make a text of more than 16 MiB"};
        }
    }
    return Value::of_text(std::move(made));
}

Value coalesce(const Values &of) {
    for (const auto &value : of) {
        if (!value.is_null()) {
            return value;
        }
    }
    return {};
}

Value choose(const Values &of) { return of[truth_of(of[0]).value_or(false) ? 1 : 2]; }

// Integers and null are what they are.
Value rounded(const Value &value, double (*run)(double)) {
    if (value.is_null() || value.type() == Value::Type::integer) {
        return value;
    }
    const auto number = value.as_number();
    if (!number) {
        throw Wrong{"a number is needed, not " + described(value)};
    }
    return Value::of_number(run(*number)).value_or(Value());
}

Value absolute(const Values &of) {
    if (of[0].type() != Value::Type::integer) {
        return rounded(of[0], [](double number) { return std::fabs(number); });
    }
    return of[0].integer() < 0 ? arithmetic('-', Value::of(std::int64_t{0}), of[0]) : of[0];
}
Value floor_of(const Values &of) {
    return rounded(of[0], [](double number) { return std::floor(number); });
}
Value ceil_of(const Values &of) {
    return rounded(of[0], [](double number) { return std::ceil(number); });
}

// To so many decimals, 0 to 15; halves away from zero.
Value round_of(const Values &of) {
    if (of.size() == 2 && (of[1].type() != Value::Type::integer || of[1].integer() < 0 || of[1].integer() > 15)) {
        throw Wrong{"`round` takes 0 to 15 digits"};
    }
    const std::int64_t digits = of.size() == 2 ? of[1].integer() : 0;
    const auto number = of[0].as_number();
    if (digits == 0 || !number) {
        return rounded(of[0], [](double value) { return std::round(value); });
    }
    const double scale = std::pow(10.0, static_cast<double>(digits));
    const auto found = Value::of_number(std::round(*number * scale) / scale);
    return found ? *found : *Value::of_number(*number);
}

Value number_of(const Values &of) { return to_number(of[0]).value_or(Value()); }
Value text_value(const Values &of) { return of[0].is_null() ? Value() : Value::of_text(of[0].plain()); }

constexpr Function FUNCTIONS[] = {
    {"lower", 1, 1, lower},         {"upper", 1, 1, upper},       {"trim", 1, 1, trim},
    {"length", 1, 1, length},       {"contains", 2, 2, contains}, {"starts_with", 2, 2, starts_with},
    {"ends_with", 2, 2, ends_with}, {"replace", 3, 3, replace},   {"concat", 1, 32, concat},
    {"coalesce", 1, 32, coalesce},  {"if", 3, 3, choose},         {"abs", 1, 1, absolute},
    {"floor", 1, 1, floor_of},      {"ceil", 1, 1, ceil_of},      {"round", 1, 2, round_of},
    {"number", 1, 1, number_of},    {"text", 1, 1, text_value},
};

} // namespace

const Function *find_function(std::string_view name) noexcept {
    for (const auto &function : FUNCTIONS) {
        if (function.name == name) {
            return &function;
        }
    }
    return nullptr;
}

std::string function_names() {
    std::string names;
    for (const auto &function : FUNCTIONS) {
        names += names.empty() ? "" : ", ";
        names += function.name;
    }
    return names;
}

} // namespace data
