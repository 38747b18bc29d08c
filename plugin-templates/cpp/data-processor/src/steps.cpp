#include "steps.hpp"

#include <algorithm>
#include <cmath>

#include "json.hpp"
#include "number.hpp"

namespace data {
namespace {

constexpr std::size_t MOST_STEPS = 100;

std::string lowered(std::string_view text) {
    std::string made(text);
    for (char &c : made) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return made;
}

// Null comes first, then booleans, numbers, texts, and the rest.
int rank(const Value &value) noexcept {
    switch (value.type()) {
    case Value::Type::null:
        return 0;
    case Value::Type::boolean:
        return 1;
    case Value::Type::text:
        return 3;
    case Value::Type::json:
        return 4;
    default:
        return 2;
    }
}

std::optional<Value> to_whole(const Value &value) {
    const auto number = to_number(value);
    if (!number || number->type() == Value::Type::integer) {
        return number;
    }
    // Beyond 2^53 a double is no exact integer.
    const double found = *number->as_number();
    if (found != std::floor(found) || std::fabs(found) > 9007199254740992.0) {
        return std::nullopt;
    }
    return Value::of(static_cast<std::int64_t>(found));
}

std::optional<Value> to_boolean(const Value &value) {
    if (value.type() == Value::Type::boolean) {
        return value;
    }
    const std::string plain = value.plain(), text = lowered(trimmed(plain));
    const bool holds = text == "true" || text == "yes" || text == "1";
    const bool is_one = holds || text == "false" || text == "no" || text == "0";
    return is_one ? std::optional(Value::of(holds)) : std::nullopt;
}

} // namespace

// --- Reading the declaration ---

Pipeline::Pipeline(std::string_view steps, std::size_t most) {
    kept_.most = most;
    const lao::JsonValue list = lao::JsonValue::parse(steps.empty() ? "[]" : steps);
    if (list.items().size() > MOST_STEPS) {
        throw lao::InvalidParameter("there are more than " + std::to_string(MOST_STEPS) + " steps");
    }
    for (const auto &step : list.items()) {
        try {
            steps_.push_back(parse(step));
        } catch (const Wrong &wrong) {
            throw lao::InvalidParameter("steps/" + std::to_string(steps_.size()) + ": " + wrong.why);
        }
    }
}

Pipeline::Step Pipeline::parse(const lao::JsonValue &step) {
    static constexpr std::pair<std::string_view, Kind> KINDS[] = {
        {"select", Kind::select}, {"rename", Kind::rename},       {"filter", Kind::filter}, {"cast", Kind::cast},
        {"derive", Kind::derive}, {"aggregate", Kind::aggregate}, {"sort", Kind::sort},     {"limit", Kind::limit},
    };
    if (!step.is_object()) {
        throw Wrong{"a step is an object"};
    }
    if (step.members().empty()) {
        throw Wrong{"the step is empty"};
    }
    const auto &[name, value] = step.members().front();
    for (std::size_t i = 1; i < step.members().size(); i++) {
        const std::string &other = step.members()[i].first;
        if (name != "cast" || other != "invalid") {
            throw Wrong{"`" + name + "` and `" + other + "` are two steps"};
        }
    }
    const auto *const kind = std::find_if(std::begin(KINDS), std::end(KINDS),
                                          [&name = name](const auto &known) { return known.first == name; });
    if (kind == std::end(KINDS)) {
        throw Wrong{"there is no step `" + name + "`: select, rename, filter, cast, derive, aggregate, sort, limit"};
    }
    Step made{};
    made.kind = kind->second;
    switch (made.kind) {
    case Kind::select:
        made.names = declared_names(value);
        break;
    case Kind::rename:
        for (const auto &[from, to] : declared_members(value)) {
            made.renames.emplace_back(name_of(from),
                                      of_member(from, [&to = to] { return name_of(declared_text(to)); }));
        }
        break;
    case Kind::filter:
        made.condition = Expression::parse(declared_text(value));
        break;
    case Kind::cast:
        for (const auto &[field, type] : declared_members(value)) {
            made.types.emplace_back(name_of(field), of_member(field, [&type = type] { return parse_type(type); }));
        }
        made.invalid = parse_invalid(step.find("invalid"));
        break;
    case Kind::derive:
        for (const auto &[field, formula] : declared_members(value)) {
            made.formulas.emplace_back(name_of(field), of_member(field, [&formula = formula] {
                                           return Expression::parse(declared_text(formula));
                                       }));
        }
        break;
    case Kind::aggregate:
        made.groups = Aggregate::parse(value);
        break;
    case Kind::sort:
        for (const auto &field : declared_names(value)) {
            const bool is_reversed = field->substr(0, 1) == "-";
            made.keys.emplace_back(is_reversed ? name_of(std::string_view(*field).substr(1)) : field, is_reversed);
        }
        break;
    case Kind::limit: {
        const auto count = value.is_number() ? to_integer(value.text()) : std::nullopt;
        if (!count || *count < 0) {
            throw Wrong{"`limit` takes a number of records"};
        }
        made.left = static_cast<std::uint64_t>(*count);
        break;
    }
    }
    return made;
}

Pipeline::Type Pipeline::parse_type(const lao::JsonValue &value) {
    static constexpr std::pair<std::string_view, Type> TYPES[] = {
        {"integer", Type::integer}, {"number", Type::number}, {"boolean", Type::boolean},
        {"text", Type::text},       {"json", Type::json},
    };
    const std::string_view name = declared_text(value);
    for (const auto &[known, type] : TYPES) {
        if (known == name) {
            return type;
        }
    }
    throw Wrong{"there is no type `" + std::string(name) + "`: integer, number, boolean, text, json"};
}

Pipeline::Invalid Pipeline::parse_invalid(const lao::JsonValue *value) {
    const std::string_view name = value != nullptr ? declared_text(*value) : "error";
    if (name == "error") {
        return Invalid::refused;
    }
    if (name != "null" && name != "drop") {
        throw Wrong{"`invalid` is error, null or drop, not `" + std::string(name) + "`"};
    }
    return name == "null" ? Invalid::null : Invalid::dropped;
}

// --- Running ---

bool Pipeline::is_done() const noexcept {
    return std::any_of(steps_.begin(), steps_.end(),
                       [](const Step &step) { return step.kind == Kind::limit && step.left == 0; });
}

void Pipeline::finish(const Sink &sink) {
    for (std::size_t index = 0; index < steps_.size(); index++) {
        Step &step = steps_[index];
        std::vector<Record> records;
        if (step.kind == Kind::sort) {
            records = std::move(step.records);
            std::stable_sort(records.begin(), records.end(),
                             [&step](const Record &left, const Record &right) { return is_before(step, left, right); });
        } else if (step.kind == Kind::aggregate) {
            records = step.groups.take();
        }
        for (auto &record : records) {
            run(index + 1, std::move(record), sink);
        }
    }
}

void Pipeline::run(std::size_t index, Record record, const Sink &sink) {
    for (; index < steps_.size(); index++) {
        Step &step = steps_[index];
        try {
            switch (step.kind) {
            case Kind::select: {
                Record chosen{{}, record.place};
                chosen.fields.reserve(step.names.size());
                for (const auto &name : step.names) {
                    const Value *value = record.get(*name);
                    chosen.fields.emplace_back(name, value != nullptr ? *value : Value());
                }
                record = std::move(chosen);
                break;
            }
            case Kind::rename:
                rename(step, record);
                break;
            case Kind::filter:
                if (!step.condition.holds(record)) {
                    return;
                }
                break;
            case Kind::cast:
                if (!cast(step, record)) {
                    return;
                }
                break;
            case Kind::derive:
                for (const auto &[name, formula] : step.formulas) {
                    record.set(name, of_member(*name, [&, &formula = formula] { return formula.run(record); }));
                }
                break;
            case Kind::aggregate:
                return step.groups.add(record, kept_);
            case Kind::sort:
                kept_.add(record.size(), "sort");
                step.records.push_back(std::move(record));
                return;
            case Kind::limit:
                if (step.left == 0) {
                    return;
                }
                step.left--;
            }
        } catch (const Wrong &wrong) {
            throw record.refuse((step.kind == Kind::filter ? "filter: " : "") + wrong.why);
        }
    }
    sink(std::move(record));
}

void Pipeline::rename(const Step &step, Record &record) {
    for (const auto &[from, to] : step.renames) {
        for (auto &field : record.fields) {
            if (is_same(field.first, from)) {
                if (!is_same(from, to) && record.get(*to) != nullptr) {
                    throw Wrong{"rename: there is a field `" + *to + "` already"};
                }
                field.first = to;
                break;
            }
        }
    }
}

std::optional<Value> Pipeline::cast_to(Type type, const Value &value) {
    const bool is_blank = value.is_text() && trimmed(value.text()).empty();
    if (value.is_null() || (is_blank && type != Type::text)) {
        return Value();
    }
    switch (type) {
    case Type::integer:
        return to_whole(value);
    case Type::number:
        return to_number(value);
    case Type::boolean:
        return to_boolean(value);
    case Type::json:
        return value.is_text() ? parse_json(value.text()) : value;
    case Type::text:
        break;
    }
    return Value::of_text(value.plain());
}

bool Pipeline::cast(const Step &step, Record &record) {
    static constexpr const char *WANTED[] = {"an integer", "a number", "true or false", "a text", "JSON"};
    for (const auto &[name, type] : step.types) {
        const Value *value = record.get(*name);
        if (value == nullptr) {
            continue;
        }
        auto cast = cast_to(type, *value);
        if (!cast && step.invalid == Invalid::dropped) {
            return false;
        }
        if (!cast && step.invalid == Invalid::refused) {
            throw Wrong{"cast: `" + *name + "` is not " + WANTED[static_cast<int>(type)] + ": " + shown(*value)};
        }
        record.set(name, cast.value_or(Value()));
    }
    return true;
}

bool Pipeline::is_before(const Step &step, const Record &left, const Record &right) {
    static const Value NOTHING;
    for (const auto &[name, is_reversed] : step.keys) {
        const Value *const one = left.get(*name), *const two = right.get(*name);
        const Value &a = one != nullptr ? *one : NOTHING, &b = two != nullptr ? *two : NOTHING;
        const int ranks = rank(a) - rank(b);
        const Order order = ranks < 0   ? Order::less
                            : ranks > 0 ? Order::greater
                                        : order_of(a, b).value_or(Order::equal);
        if (order != Order::equal) {
            return (order == Order::less) != is_reversed;
        }
    }
    return false;
}

} // namespace data
