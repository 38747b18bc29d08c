// Computing expressions, and what values are to each other.
#include <lao/c/utf8.h>

#include <cmath>
#include <lao/cpp/json_read.hpp>

#include "expression.hpp"
#include "json.hpp"
#include "number.hpp"

namespace data {
namespace {

// A member within a JSON value, by a path such as `list.0.name`; null where there is none.
Value within(const std::string &json, std::string_view path) {
    const lao::JsonValue document = lao::JsonValue::parse(json);
    const lao::JsonValue *found = &document;
    while (found != nullptr && !path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        const std::string_view part = path.substr(0, dot);
        if (found->is_list()) {
            const auto index = part.front() == '+' ? std::nullopt : to_integer(part);
            const bool is_there = index && *index >= 0 && static_cast<std::uint64_t>(*index) < found->items().size();
            found = is_there ? &found->items()[static_cast<std::size_t>(*index)] : nullptr;
        } else {
            found = found->find(part);
        }
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return found != nullptr ? parse_json(found->json().text).value_or(Value()) : Value();
}

Value field(const Record &record, const std::string &name) {
    const Value *whole = record.get(name);
    if (whole != nullptr) {
        return *whole;
    }
    for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
        const Value *outer = record.get(std::string_view(name).substr(0, dot));
        if (outer != nullptr && outer->type() == Value::Type::json) {
            return within(outer->text(), std::string_view(name).substr(dot + 1));
        }
    }
    return {};
}

Value truth_value(std::optional<bool> truth) { return truth ? Value::of(*truth) : Value(); }

} // namespace

Value Expression::run(const Record &record) const {
    switch (kind_) {
    case Kind::value:
        return value_;
    case Kind::field:
        return field(record, name_);
    case Kind::negation: {
        const auto inner = truth_of(parts_[0].run(record));
        return inner ? Value::of(!*inner) : Value();
    }
    case Kind::minus:
        return arithmetic('-', Value::of(std::int64_t{0}), parts_[0].run(record));
    case Kind::both: {
        const auto left = truth_of(parts_[0].run(record));
        return left == true ? truth_value(truth_of(parts_[1].run(record))) : truth_value(left);
    }
    case Kind::either: {
        const auto left = truth_of(parts_[0].run(record));
        return left == true ? Value::of(true) : truth_value(truth_of(parts_[1].run(record)));
    }
    case Kind::arithmetic:
        return arithmetic(sign_, parts_[0].run(record), parts_[1].run(record));
    case Kind::function: {
        std::vector<Value> values;
        values.reserve(parts_.size());
        for (const auto &part : parts_) {
            values.push_back(part.run(record));
        }
        return function_->run(values);
    }
    case Kind::compare:
        break;
    }
    const Value left = parts_[0].run(record), right = parts_[1].run(record);
    const auto order = order_of(left, right);
    if (comparison_ == Comparison::equal || comparison_ == Comparison::not_equal) {
        return Value::of((order == Order::equal) == (comparison_ == Comparison::equal));
    }
    if (left.is_null() || right.is_null()) {
        return Value::of(false);
    }
    if (!order) {
        throw Wrong{described(left) + " and " + described(right) + " have no order: `cast` one of them"};
    }
    switch (comparison_) {
    case Comparison::less:
        return Value::of(*order == Order::less);
    case Comparison::less_or_equal:
        return Value::of(*order != Order::greater);
    case Comparison::greater:
        return Value::of(*order == Order::greater);
    default:
        return Value::of(*order != Order::less);
    }
}

bool Expression::holds(const Record &record) const { return truth_of(run(record)).value_or(false); }

std::optional<bool> truth_of(const Value &value) {
    if (value.is_null()) {
        return std::nullopt;
    }
    if (value.type() != Value::Type::boolean) {
        throw Wrong{"true or false is needed, not " + described(value)};
    }
    return value.truth();
}

std::string shown(const Value &value) {
    const std::string plain = value.plain();
    const char *at = plain.data(), *const end = at + plain.size();
    for (int i = 0; i < 40 && lao_utf8_next(&at, end) >= 0; i++) {
    }
    return "`" + std::string(plain.data(), at) + "`";
}

std::string described(const Value &value) {
    const std::string kind = value.kind();
    return (kind[0] == 'i' || kind[0] == 'o' ? "an " : "a ") + kind + " (" + shown(value) + ")";
}

std::string_view trimmed(std::string_view text) noexcept {
    const char *at = text.data(), *const end = at + text.size(), *first = nullptr, *last = at;
    while (at < end) {
        const char *const from = at;
        const std::int32_t character = lao_utf8_next(&at, end);
        if (character < 0) {
            break;
        }
        if (lao_is_space(static_cast<std::uint32_t>(character)) == 0) {
            first = first != nullptr ? first : from;
            last = at;
        }
    }
    return first != nullptr ? std::string_view(first, static_cast<std::size_t>(last - first)) : std::string_view();
}

std::optional<Order> order_of(const Value &left, const Value &right) noexcept {
    const auto of = [](const auto &a, const auto &b) {
        return a < b ? Order::less : b < a ? Order::greater : Order::equal;
    };
    if (left.type() == right.type()) {
        switch (left.type()) {
        case Value::Type::null:
            return Order::equal;
        case Value::Type::boolean:
        case Value::Type::integer:
            return of(left.integer(), right.integer());
        case Value::Type::text:
            return of(left.text(), right.text());
        case Value::Type::json:
            return left.text() == right.text() ? std::optional(Order::equal) : std::nullopt;
        default:
            break;
        }
    }
    const auto a = left.as_number(), b = right.as_number();
    return a && b ? std::optional(of(*a, *b)) : std::nullopt;
}

namespace {

// Nothing when it is beyond 64 bits.
std::optional<std::int64_t> integers(char sign, std::int64_t left, std::int64_t right) noexcept {
    constexpr std::int64_t LEAST = INT64_MIN, MOST = INT64_MAX;
    switch (sign) {
    case '+':
        if (right > 0 ? left > MOST - right : left < LEAST - right) {
            return std::nullopt;
        }
        return left + right;
    case '-':
        if (right < 0 ? left > MOST + right : left < LEAST + right) {
            return std::nullopt;
        }
        return left - right;
    case '%':
        return right == -1 ? 0 : left % right;
    default:
        break;
    }
    if (left == 0 || right == 0) {
        return 0;
    }
    if ((left == -1 && right == LEAST) || (right == -1 && left == LEAST)) {
        return std::nullopt;
    }
    const bool is_positive = (left > 0) == (right > 0);
    const bool is_beyond = is_positive ? (left > 0 ? left > MOST / right : left < MOST / right)
                                       : (left > 0 ? right < LEAST / left : left < LEAST / right);
    return is_beyond ? std::nullopt : std::optional(left * right);
}

double operand(char sign, const Value &value) {
    const auto number = value.as_number();
    if (!number) {
        const char *hint = value.is_text() ? ": `cast` it, or join texts with `concat`" : "";
        throw Wrong{std::string("`") + sign + "` needs numbers, not " + described(value) + hint};
    }
    return *number;
}

} // namespace

Value arithmetic(char sign, const Value &left, const Value &right) {
    if (left.is_null() || right.is_null()) {
        return {};
    }
    const auto formula = [&] { return left.plain() + " " + sign + " " + right.plain(); };
    const bool are_integers = left.type() == Value::Type::integer && right.type() == Value::Type::integer;
    if (are_integers && sign != '/' && !(sign == '%' && right.integer() == 0)) {
        const auto found = integers(sign, left.integer(), right.integer());
        if (!found) {
            throw Wrong{formula() + " is beyond a 64-bit integer"};
        }
        return Value::of(*found);
    }
    const double a = operand(sign, left), b = operand(sign, right);
    const auto found = Value::of_number(sign == '+'   ? a + b
                                        : sign == '-' ? a - b
                                        : sign == '*' ? a * b
                                        : sign == '%' ? std::fmod(a, b)
                                                      : a / b);
    if (!found) {
        throw Wrong{formula() + " is no number"};
    }
    return *found;
}

std::optional<Value> to_number(const Value &value) {
    if (value.is_number()) {
        return value;
    }
    if (!value.is_text()) {
        return std::nullopt;
    }
    const std::string_view text = trimmed(value.text());
    if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
        return std::nullopt;
    }
    // As JSON would write it; `+5`, `.5` and `007` are numbers, too.
    auto found = Value::parse_number(text);
    if (found && found->type() == Value::Type::digits && json_number_size(text) != text.size()) {
        return Value::of_number(*found->as_number());
    }
    return found;
}

} // namespace data
