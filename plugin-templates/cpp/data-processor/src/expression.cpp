#include "expression.hpp"

#include <lao/c/utf8.h>

#include "number.hpp"

namespace data {
namespace {

constexpr int MOST_VALUES = 200; // a row of operators is as deep as it is long

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
// Letters of other scripts are taken as bytes.
bool begins_a_word(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || c == '#' || (c & 0x80) != 0;
}
bool is_of_a_word(char c) noexcept { return begins_a_word(c) || is_digit(c) || c == '.'; }

} // namespace

class ExpressionParser {
  public:
    explicit ExpressionParser(std::string_view text) : text_(text) {}

    Expression all() {
        Expression found = either();
        space();
        if (at_ < text_.size()) {
            throw wrong("an operator is missing");
        }
        return found;
    }

  private:
    using Kind = Expression::Kind;
    using Comparison = Expression::Comparison;

    Wrong wrong(const std::string &why) const {
        const std::int64_t before = lao_utf8_count(text_.data(), at_);
        return {why + ", at character " + std::to_string(before + 1) + " of `" + std::string(text_) + "`"};
    }

    std::string_view rest() const noexcept { return text_.substr(at_); }
    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

    void space() noexcept {
        const char *next = text_.data() + at_, *const end = text_.data() + text_.size();
        while (next < end) {
            const std::int32_t character = lao_utf8_next(&next, end);
            if (character < 0 || lao_is_space(static_cast<std::uint32_t>(character)) == 0) {
                return;
            }
            at_ = static_cast<std::size_t>(next - text_.data());
        }
    }

    bool takes(std::string_view sign) noexcept {
        space();
        const bool found = rest().substr(0, sign.size()) == sign;
        at_ += found ? sign.size() : 0;
        return found;
    }
    bool takes_word(std::string_view word) noexcept {
        space();
        const std::string_view left = rest();
        const bool found =
            left.substr(0, word.size()) == word && (left.size() == word.size() || !is_of_a_word(left[word.size()]));
        at_ += found ? word.size() : 0;
        return found;
    }

    static Expression node(Kind kind, Expression left) {
        Expression made;
        made.kind_ = kind;
        made.parts_.push_back(std::move(left));
        return made;
    }
    static Expression node(Kind kind, Expression left, Expression right) {
        Expression made = node(kind, std::move(left));
        made.parts_.push_back(std::move(right));
        return made;
    }
    static Expression value_node(Value value) {
        Expression made;
        made.value_ = std::move(value);
        return made;
    }
    static Expression field_node(std::string name) {
        Expression made;
        made.kind_ = Kind::field;
        made.name_ = std::move(name);
        return made;
    }

    Expression either() {
        if (++depth_ > MOST_LEVELS) {
            throw wrong("the expression is nested more than 64 levels deep");
        }
        Expression left = both();
        while (takes_word("or")) {
            left = node(Kind::either, std::move(left), both());
        }
        depth_--;
        return left;
    }

    Expression both() {
        Expression left = negation();
        while (takes_word("and")) {
            left = node(Kind::both, std::move(left), negation());
        }
        return left;
    }

    Expression negation() {
        int count = 0;
        while (takes_word("not")) {
            count++;
        }
        Expression found = comparison();
        // Two of them still ask for a truth value.
        for (int left = count > 2 ? 2 - count % 2 : count; left > 0; left--) {
            found = node(Kind::negation, std::move(found));
        }
        return found;
    }

    Expression comparison() {
        static constexpr std::pair<std::string_view, Comparison> SIGNS[] = {
            {"==", Comparison::equal},         {"!=", Comparison::not_equal},
            {"<=", Comparison::less_or_equal}, {">=", Comparison::greater_or_equal},
            {"<", Comparison::less},           {">", Comparison::greater},
        };
        Expression left = sum();
        for (const auto &[sign, comparison] : SIGNS) {
            if (takes(sign)) {
                Expression made = node(Kind::compare, std::move(left), sum());
                made.comparison_ = comparison;
                return made;
            }
        }
        if (takes("=")) {
            throw wrong("two values are compared with `==`");
        }
        return left;
    }

    template <class Next> Expression row(std::string_view signs, Next next) {
        Expression left = next();
        for (;;) {
            space();
            const char sign = peek();
            if (sign == '\0' || signs.find(sign) == std::string_view::npos) {
                return left;
            }
            at_++;
            left = node(Kind::arithmetic, std::move(left), next());
            left.sign_ = sign;
        }
    }
    Expression sum() {
        return row("+-", [this] { return product(); });
    }
    Expression product() {
        return row("*/%", [this] { return sign(); });
    }
    Expression sign() {
        if (takes("-")) {
            return node(Kind::minus, value());
        }
        return value();
    }

    Expression value() {
        space();
        if (++values_ > MOST_VALUES) {
            throw wrong("the expression has more than 200 values");
        }
        const char first = peek();
        if (first == '(') {
            at_++;
            Expression found = either();
            if (!takes(")")) {
                throw wrong("`)` is missing");
            }
            return found;
        }
        if (first == '\'' || first == '"') {
            return value_node(Value::of_text(quoted(first)));
        }
        if (first == '`') {
            return field_node(quoted(first));
        }
        if (is_digit(first)) {
            return number();
        }
        if (begins_a_word(first)) {
            return word();
        }
        throw wrong("a value is missing");
    }

    // What stands between two marks; the mark itself is written twice.
    std::string quoted(char mark) {
        const std::size_t start = at_++;
        std::string found;
        for (;;) {
            const std::size_t end = text_.find(mark, at_);
            if (end == std::string_view::npos) {
                at_ = start;
                throw wrong("what opens here is never closed");
            }
            found.append(text_, at_, end - at_);
            at_ = end + 1;
            if (peek() != mark) {
                return found;
            }
            found += mark;
            at_++;
        }
    }

    Expression number() {
        const std::string_view left = rest();
        const std::size_t size = json_number_size(left);
        const auto value = Value::parse_number(left.substr(0, size));
        if (size == 0 || !value) {
            throw wrong("this is no number");
        }
        if (size < left.size() && is_of_a_word(left[size])) {
            throw wrong("this is no number; a field's name that begins with a digit stands in `backticks`");
        }
        at_ += size;
        return value_node(*value);
    }

    Expression word() {
        const std::size_t start = at_;
        while (at_ < text_.size() && is_of_a_word(text_[at_])) {
            at_++;
        }
        const std::string name(text_.substr(start, at_ - start));
        if (name == "and" || name == "or" || name == "not") {
            at_ = start;
            throw wrong("a value is missing");
        }
        if (takes("(")) {
            return call(name, start);
        }
        if (name == "true" || name == "false") {
            return value_node(Value::of(name == "true"));
        }
        return name == "null" ? value_node({}) : field_node(name);
    }

    Expression call(const std::string &name, std::size_t start) {
        Expression made;
        made.kind_ = Kind::function;
        made.function_ = find_function(name);
        if (made.function_ == nullptr) {
            at_ = start;
            throw wrong("there is no function `" + name + "` (" + function_names() + ")");
        }
        while (!takes(")")) {
            if (!made.parts_.empty() && !takes(",")) {
                throw wrong("`,` or `)` is missing");
            }
            made.parts_.push_back(either());
        }
        if (made.parts_.size() < made.function_->least || made.parts_.size() > made.function_->most) {
            at_ = start;
            throw wrong("`" + name + "` does not take " + std::to_string(made.parts_.size()) + " values");
        }
        return made;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    int values_ = 0;
};

Expression Expression::parse(std::string_view text) { return ExpressionParser(text).all(); }

} // namespace data
