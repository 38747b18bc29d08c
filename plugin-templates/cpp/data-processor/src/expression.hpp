// The small language of `filter`, `derive` and `aggregate`: fields, numbers, texts, arithmetic, comparisons, functions.
//
//   or      = and { "or" and }          and  = not { "and" not }        not = [ "not" ] compare
//   compare = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//   sum     = product { ("+" | "-") product }                product = sign { ("*" | "/" | "%") sign }
//   sign    = [ "-" ] value
//   value   = number | 'text' | "text" | true | false | null | field | `field` | name "(" [ or { "," or } ] ")" | "(" or ")"
#ifndef EXPRESSION_HPP
#define EXPRESSION_HPP

#include "record.hpp"

namespace data {

// Why an expression cannot be read, or cannot be computed. Who catches it says for which step or record.
struct Wrong {
    std::string why;
};

struct Function {
    std::string_view name;
    std::size_t least; // values that it takes
    std::size_t most;
    Value (*run)(const std::vector<Value> &values);
};

// The function of that name; nullptr when there is none.
const Function *find_function(std::string_view name) noexcept;
// The names of all of them, for people.
std::string function_names();

class Expression {
  public:
    // Throws Wrong, which says at which character.
    static Expression parse(std::string_view text);

    // Throws Wrong.
    Value run(const Record &record) const;
    // Whether it holds for a record; what is null does not. Throws Wrong.
    bool holds(const Record &record) const;

  private:
    friend class ExpressionParser;
    enum class Kind { value, field, negation, minus, both, either, compare, arithmetic, function };
    enum class Comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

    Kind kind_ = Kind::value;
    Value value_;
    std::string name_; // of a field
    Comparison comparison_ = Comparison::equal;
    char sign_ = '+';
    const Function *function_ = nullptr;
    std::vector<Expression> parts_;
};

// --- Values ---

enum class Order { less, equal, greater };
// The order of two values of one kind; nothing where they have none.
std::optional<Order> order_of(const Value &left, const Value &right) noexcept;
// Null with anything is null. Integers stay integers, but for `/`. Throws Wrong.
Value arithmetic(char sign, const Value &left, const Value &right);
// Nothing for null. Throws Wrong for what is no truth value.
std::optional<bool> truth_of(const Value &value);
// The number that a value stands for; nothing where it stands for none.
std::optional<Value> to_number(const Value &value);
// Its first characters, in backticks.
std::string shown(const Value &value);
// Such as "a text (`Ann`)".
std::string described(const Value &value);
std::string_view trimmed(std::string_view text) noexcept;

} // namespace data

#endif // EXPRESSION_HPP
