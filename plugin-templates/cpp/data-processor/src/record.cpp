#include "record.hpp"

#include <charconv>
#include <cmath>

#include "number.hpp"

namespace data {

std::optional<Value> Value::of_number(double number) {
    if (!std::isfinite(number)) {
        return std::nullopt;
    }
    Value made;
    made.type_ = Type::number;
    made.number_ = number;
    return made;
}

std::optional<Value> Value::parse_number(std::string_view text) {
    const auto integer = to_integer(text);
    if (integer && text != "-0") {
        return of(*integer);
    }
    if (!to_double(text)) {
        return std::nullopt;
    }
    return Value(Type::digits, std::string(text));
}

const char *Value::kind() const noexcept {
    switch (type_) {
    case Type::null:
        return "null";
    case Type::boolean:
        return "boolean";
    case Type::integer:
        return "integer";
    case Type::digits:
    case Type::number:
        return "number";
    case Type::text:
        return "text";
    case Type::json:
        break;
    }
    return text_.front() == '[' ? "list" : "object";
}

std::optional<double> Value::as_number() const noexcept {
    switch (type_) {
    case Type::integer:
        return static_cast<double>(integer_);
    case Type::digits:
        return to_double(text_);
    case Type::number:
        return number_;
    default:
        return std::nullopt;
    }
}

std::string Value::plain() const {
    std::string made;
    write_plain(made);
    return made;
}

void Value::write_plain(std::string &to) const {
    switch (type_) {
    case Type::null:
        break;
    case Type::boolean:
        to += truth() ? "true" : "false";
        break;
    case Type::integer: {
        char digits[24];
        to.append(digits, std::to_chars(digits, digits + sizeof digits, integer_).ptr);
        break;
    }
    case Type::number:
        to += number_text(number_);
        break;
    default:
        to += text_;
    }
}

void Value::write_json(std::string &to) const {
    if (type_ == Type::null) {
        to += "null";
    } else if (type_ == Type::text) {
        write_quoted(text_, to);
    } else {
        write_plain(to);
    }
}

bool Value::operator==(const Value &other) const noexcept {
    if (type_ != other.type_) {
        return false;
    }
    return type_ == Type::number ? number_ == other.number_ : integer_ == other.integer_ && text_ == other.text_;
}

void write_quoted(std::string_view text, std::string &to) {
    static constexpr char HEX[] = "0123456789abcdef";
    to += '"';
    std::size_t from = 0;
    for (std::size_t i = 0; i < text.size(); i++) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        to.append(text, from, i - from);
        from = i + 1;
        to += '\\';
        switch (c) {
        case '\b':
            to += 'b';
            break;
        case '\f':
            to += 'f';
            break;
        case '\n':
            to += 'n';
            break;
        case '\r':
            to += 'r';
            break;
        case '\t':
            to += 't';
            break;
        case '"':
        case '\\':
            to += text[i];
            break;
        default:
            to += "u00";
            to += HEX[c >> 4];
            to += HEX[c & 15];
        }
    }
    to.append(text, from, text.size() - from);
    to += '"';
}

const Value *Record::get(std::string_view name) const noexcept {
    for (const auto &[known, value] : fields) {
        if (*known == name) {
            return &value;
        }
    }
    return nullptr;
}

void Record::set(const Name &name, Value value) {
    for (auto &[known, old] : fields) {
        if (is_same(known, name)) {
            old = std::move(value);
            return;
        }
    }
    fields.emplace_back(name, std::move(value));
}

std::size_t Record::size() const noexcept {
    std::size_t bytes = sizeof(Record);
    for (const auto &[name, value] : fields) {
        bytes += sizeof name + value.size();
    }
    return bytes;
}

const Name &Names::at(std::size_t index, std::string_view name) {
    if (index < known_.size()) {
        if (*known_[index] != name) {
            known_[index] = name_of(name);
        }
        return known_[index];
    }
    known_.push_back(name_of(name));
    return known_.back();
}

} // namespace data
