// Reading any JSON document. Numbers keep their digits, so that what is written again is what was read.
#ifndef LAO_CPP_JSON_READ_HPP
#define LAO_CPP_JSON_READ_HPP

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../c/json.h"
#include "error.hpp"
#include "json_write.hpp"

namespace lao {

// One value of a document, with all that is in it.
class JsonValue {
  public:
    enum class Type { null, boolean, number, text, list, object };
    using Member = std::pair<std::string, JsonValue>;

    JsonValue() = default;

    // Parses one document, strictly. Throws InvalidInput, with line and column (in bytes, from 1), for what is no JSON or
    // nests deeper than `most_levels`.
    static JsonValue parse(std::string_view document, int most_levels = 128);

    static JsonValue of_text(std::string text) { return {Type::text, std::move(text)}; }

    Type type() const noexcept { return type_; }
    bool is_null() const noexcept { return type_ == Type::null; }
    bool is_boolean() const noexcept { return type_ == Type::boolean; }
    bool is_number() const noexcept { return type_ == Type::number; }
    bool is_text() const noexcept { return type_ == Type::text; }
    bool is_list() const noexcept { return type_ == Type::list; }
    bool is_object() const noexcept { return type_ == Type::object; }

    bool boolean() const noexcept { return truth_; }
    // The text; of a number its digits.
    const std::string &text() const noexcept { return text_; }
    const std::vector<JsonValue> &items() const noexcept { return items_; }
    // In the order of the document.
    const std::vector<Member> &members() const noexcept { return members_; }
    // A member of an object, the last of that name; nullptr when there is none, or this is no object.
    const JsonValue *find(std::string_view name) const noexcept {
        for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
            if (member->first == name) {
                return &member->second;
            }
        }
        return nullptr;
    }

    // As JSON again, without white space.
    Json json() const {
        Json made;
        write(made.text);
        return made;
    }
    void write(std::string &to) const {
        switch (type_) {
        case Type::null:
            to += "null";
            break;
        case Type::boolean:
            to += truth_ ? "true" : "false";
            break;
        case Type::number:
            to += text_;
            break;
        case Type::text:
            to += json_quote(text_);
            break;
        case Type::list:
            to += '[';
            for (std::size_t i = 0; i < items_.size(); i++) {
                to += i > 0 ? "," : "";
                items_[i].write(to);
            }
            to += ']';
            break;
        case Type::object:
            to += '{';
            for (std::size_t i = 0; i < members_.size(); i++) {
                to += i > 0 ? "," : "";
                to += json_quote(members_[i].first);
                to += ':';
                members_[i].second.write(to);
            }
            to += '}';
            break;
        }
    }

  private:
    class Parser;
    JsonValue(Type type, std::string text) : type_(type), text_(std::move(text)) {}

    Type type_ = Type::null;
    bool truth_ = false;
    std::string text_;
    std::vector<JsonValue> items_;
    std::vector<Member> members_;
};

class JsonValue::Parser {
  public:
    Parser(std::string_view document, int levels) : document_(document), levels_(levels) {}

    JsonValue document() {
        if (lao_utf8_count(document_.data(), document_.size()) < 0) {
            throw InvalidInput("not JSON: it is not UTF-8");
        }
        JsonValue value = read();
        space();
        if (at_ < document_.size()) {
            throw wrong("there is more behind its end");
        }
        return value;
    }

  private:
    InvalidInput wrong(const char *reason) const {
        std::size_t line = 1, begins = 0;
        for (std::size_t i = 0; i < at_ && i < document_.size(); i++) {
            if (document_[i] == '\n') {
                line++;
                begins = i + 1;
            }
        }
        return InvalidInput("not JSON at line " + std::to_string(line) + " column " + std::to_string(at_ - begins + 1) +
                            ": " + reason);
    }
    char peek() const noexcept { return at_ < document_.size() ? document_[at_] : '\0'; }
    void space() noexcept {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            at_++;
        }
    }
    bool take(char c) noexcept {
        const bool found = at_ < document_.size() && document_[at_] == c;
        at_ += found ? 1 : 0;
        return found;
    }
    void need(char c, const char *reason) {
        space();
        if (!take(c)) {
            throw wrong(reason);
        }
    }
    JsonValue word(std::string_view text, Type type, bool truth) {
        if (document_.substr(at_, text.size()) != text) {
            throw wrong("a value is expected");
        }
        at_ += text.size();
        JsonValue value(type, "");
        value.truth_ = truth;
        return value;
    }

    JsonValue read() {
        space();
        switch (peek()) {
        case 'n':
            return word("null", Type::null, false);
        case 't':
            return word("true", Type::boolean, true);
        case 'f':
            return word("false", Type::boolean, false);
        case '"':
            return {Type::text, string()};
        case '[':
            return nested(&Parser::list);
        case '{':
            return nested(&Parser::object);
        default:
            return {Type::number, number()};
        }
    }
    JsonValue nested(JsonValue (Parser::*content)()) {
        if (levels_-- <= 0) {
            throw wrong("it nests too deep");
        }
        at_++;
        JsonValue value = (this->*content)();
        levels_++;
        return value;
    }
    JsonValue list() {
        JsonValue value(Type::list, "");
        space();
        if (take(']')) {
            return value;
        }
        for (;;) {
            value.items_.push_back(read());
            space();
            if (take(']')) {
                return value;
            }
            need(',', "`,` or `]` is expected");
        }
    }
    JsonValue object() {
        JsonValue value(Type::object, "");
        space();
        if (take('}')) {
            return value;
        }
        for (;;) {
            space();
            if (peek() != '"') {
                throw wrong("a name in quotation marks is expected");
            }
            std::string name = string();
            need(':', "`:` is expected");
            value.members_.emplace_back(std::move(name), read());
            space();
            if (take('}')) {
                return value;
            }
            need(',', "`,` or `}` is expected");
        }
    }

    std::size_t digits() noexcept {
        const std::size_t from = at_;
        while (peek() >= '0' && peek() <= '9') {
            at_++;
        }
        return at_ - from;
    }
    std::string number() {
        const std::size_t from = at_;
        take('-');
        const bool zero = peek() == '0';
        const std::size_t whole = digits();
        if (whole == 0) {
            throw wrong("a value is expected");
        }
        if (zero && whole > 1) {
            throw wrong("a number does not begin with 0");
        }
        if (take('.') && digits() == 0) {
            throw wrong("digits are expected");
        }
        if (peek() == 'e' || peek() == 'E') {
            at_++;
            at_ += peek() == '+' || peek() == '-' ? 1 : 0;
            if (digits() == 0) {
                throw wrong("digits are expected");
            }
        }
        return std::string(document_.substr(from, at_ - from));
    }

    std::string string() {
        std::string text;
        at_++;
        for (;;) {
            const std::size_t from = at_;
            while (at_ < document_.size() && document_[at_] != '"' && document_[at_] != '\\' &&
                   static_cast<unsigned char>(document_[at_]) >= 0x20) {
                at_++;
            }
            text += document_.substr(from, at_ - from);
            if (take('"')) {
                return text;
            }
            if (!take('\\')) {
                throw wrong(at_ < document_.size() ? "a control character in a text" : "a text without an end");
            }
            escape(text);
        }
    }
    void escape(std::string &text) {
        const char *at = document_.data() + at_, *const end = document_.data() + document_.size();
        char decoded[4];
        if (at >= end) {
            throw wrong("a text without an end");
        }
        std::uint32_t unit = 0;
        const bool is_unit = *at == 'u' && lao__json_hex4(at + 1, end, &unit) != 0;
        const int size = lao__json_escape(&at, end, decoded);
        const bool alone = is_unit && unit >= 0xD800 && unit <= 0xDFFF && at - (document_.data() + at_) < 11;
        if (size < 0 || alone) {
            throw wrong(alone ? "half a character" : "no such escape");
        }
        at_ = static_cast<std::size_t>(at - document_.data());
        text.append(decoded, static_cast<std::size_t>(size));
    }

    std::string_view document_;
    std::size_t at_ = 0;
    int levels_;
};

inline JsonValue JsonValue::parse(std::string_view document, int most_levels) {
    return Parser(document, most_levels).document();
}

} // namespace lao

#endif // LAO_CPP_JSON_READ_HPP
