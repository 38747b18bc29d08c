#include "aggregate.hpp"

#include <cmath>

#include "number.hpp"

namespace data {
namespace {

// Equal values have equal bytes: 1 and 1.0, too.
void write_key(const Value &value, std::string &key) {
    const auto number = value.as_number();
    if (number && *number == std::floor(*number) && std::fabs(*number) < 9e15) {
        key += 'i';
        Value::of(static_cast<std::int64_t>(*number)).write_plain(key);
    } else {
        key += value.kind()[0];
        value.write_plain(key);
    }
    key += '\xFF'; // in no UTF-8
}

} // namespace

void Kept::add(std::size_t more, const char *step) {
    bytes += more;
    if (bytes > most) {
        throw lao::InvalidInput("`" + std::string(step) + "` would keep more than " + std::to_string(most >> 20) +
                                " MiB (`max_kept_mb`)");
    }
}

std::string_view declared_text(const lao::JsonValue &value) {
    if (!value.is_text()) {
        throw Wrong{"a text is needed"};
    }
    return value.text();
}

std::vector<Name> declared_names(const lao::JsonValue &value) {
    if (!value.is_list()) {
        throw Wrong{"a list of fields is needed"};
    }
    std::vector<Name> names;
    for (const auto &item : value.items()) {
        const std::string name(declared_text(item));
        for (const auto &known : names) {
            if (*known == name) {
                throw Wrong{"`" + name + "` comes twice"};
            }
        }
        names.push_back(name_of(name));
    }
    return names;
}

const std::vector<lao::JsonValue::Member> &declared_members(const lao::JsonValue &value) {
    if (!value.is_object()) {
        throw Wrong{"an object with fields as its members is needed"};
    }
    return value.members();
}

Aggregate Aggregate::parse(const lao::JsonValue &value) {
    if (!value.is_object()) {
        throw Wrong{"`aggregate` is an object"};
    }
    for (const auto &member : value.members()) {
        if (member.first != "by" && member.first != "compute") {
            throw Wrong{"`aggregate` has `by` and `compute`, not `" + member.first + "`"};
        }
    }
    const lao::JsonValue *const by = value.find("by"), *const compute = value.find("compute");
    if (compute == nullptr) {
        throw Wrong{"`compute` is missing"};
    }
    Aggregate made;
    made.by_ = by != nullptr ? declared_names(*by) : std::vector<Name>();
    for (const auto &[name, formula] : declared_members(*compute)) {
        made.results_.push_back(of_member(
            name, [&, &name = name, &formula = formula] { return parse_result(name, declared_text(formula)); }));
    }
    return made;
}

// `count()`, or an operation over an expression, such as `sum(price * count)`.
Aggregate::Result Aggregate::parse_result(std::string_view name, std::string_view formula) {
    static constexpr std::pair<std::string_view, Operation> OPERATIONS[] = {
        {"count", Operation::count}, {"sum", Operation::sum},     {"mean", Operation::mean}, {"min", Operation::min},
        {"max", Operation::max},     {"first", Operation::first}, {"last", Operation::last},
    };
    const std::string_view whole = trimmed(formula);
    const std::size_t open = whole.find('(');
    if (open != std::string_view::npos && whole.back() == ')') {
        const std::string_view operation = trimmed(whole.substr(0, open));
        const std::string_view inner = trimmed(whole.substr(open + 1, whole.size() - open - 2));
        for (const auto &[known, made] : OPERATIONS) {
            if (known == operation && inner.empty() && made == Operation::count) {
                return {name_of(name), made, std::nullopt};
            }
            if (known == operation && !inner.empty()) {
                return {name_of(name), made, Expression::parse(inner)};
            }
        }
    }
    throw Wrong{"`" + std::string(formula) +
                "` is none of count(), sum(x), mean(x), min(x), max(x), first(x), last(x)"};
}

void Aggregate::add(const Record &record, Kept &kept) {
    Group &group = this->group(record, kept);
    for (std::size_t i = 0; i < results_.size(); i++) {
        Total &total = group.totals[i];
        const std::size_t before = total.value.size();
        try {
            add(results_[i].operation, total, results_[i].of ? results_[i].of->run(record) : Value::of(true));
        } catch (const Wrong &wrong) {
            throw record.refuse("`" + *results_[i].name + "`: " + wrong.why);
        }
        const std::size_t after = total.value.size();
        kept.add(after > before ? after - before : 0, "aggregate");
    }
}

Aggregate::Group &Aggregate::group(const Record &record, Kept &kept) {
    static const Value NOTHING;
    std::string key;
    for (const auto &name : by_) {
        const Value *value = record.get(*name);
        write_key(value != nullptr ? *value : NOTHING, key);
    }
    const auto known = places_.find(key);
    if (known != places_.end()) {
        return groups_[known->second];
    }
    Group made{{{}, record.place}, std::vector<Total>(results_.size())};
    for (const auto &name : by_) {
        const Value *value = record.get(*name);
        made.record.fields.emplace_back(name, value != nullptr ? *value : NOTHING);
    }
    kept.add(2 * key.size() + made.record.size() + results_.size() * sizeof(Total) + 64, "aggregate");
    places_.emplace(std::move(key), groups_.size());
    groups_.push_back(std::move(made));
    return groups_.back();
}

// Nulls are passed over.
void Aggregate::add(Operation operation, Total &total, Value value) {
    if (value.is_null()) {
        return;
    }
    const bool is_first = total.count++ == 0;
    switch (operation) {
    case Operation::count:
        break;
    case Operation::sum:
    case Operation::mean:
        total.value = arithmetic('+', is_first ? Value::of(std::int64_t{0}) : total.value, value);
        break;
    case Operation::min:
    case Operation::max: {
        const auto order = is_first ? Order::equal : order_of(value, total.value);
        if (!order) {
            throw Wrong{"values of different types have no order"};
        }
        if (is_first || *order == (operation == Operation::min ? Order::less : Order::greater)) {
            total.value = std::move(value);
        }
        break;
    }
    case Operation::first:
        if (is_first) {
            total.value = std::move(value);
        }
        break;
    case Operation::last:
        total.value = std::move(value);
        break;
    }
}

std::vector<Record> Aggregate::take() {
    std::vector<Record> records;
    records.reserve(groups_.size());
    for (auto &group : groups_) {
        for (std::size_t i = 0; i < results_.size(); i++) {
            group.record.set(results_[i].name, result(results_[i].operation, std::move(group.totals[i])));
        }
        records.push_back(std::move(group.record));
    }
    groups_.clear();
    places_.clear();
    return records;
}

Value Aggregate::result(Operation operation, Total total) {
    if (operation == Operation::count) {
        return Value::of(total.count);
    }
    const auto sum = total.value.as_number();
    if (operation == Operation::mean && sum) {
        return Value::of_number(*sum / static_cast<double>(total.count)).value_or(Value());
    }
    return std::move(total.value);
}

} // namespace data
