// Records: what all formats are read into and written from.
#ifndef RECORD_HPP
#define RECORD_HPP

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "document.hpp"

namespace data {

constexpr std::size_t MOST_FIELDS = 10000; // of a record
constexpr int MOST_LEVELS = 64;            // that documents and expressions may nest

// The value of a field. What was not computed stays as it was written.
class Value {
  public:
    enum class Type : std::uint8_t {
        null,
        boolean,
        integer,
        digits, // a number that is no integer of 64 bits, as it was written
        number, // a number that was computed; it is finite
        text,
        json // a list or an object
    };

    Value() = default;
    static Value of(bool truth) { return Value(Type::boolean, truth ? 1 : 0); }
    static Value of(std::int64_t integer) { return Value(Type::integer, integer); }
    static Value of_text(std::string text) { return {Type::text, std::move(text)}; }
    static Value of_json(std::string json) { return {Type::json, std::move(json)}; }
    // Nothing when it is not finite.
    static std::optional<Value> of_number(double number);
    // A number as it is written; nothing when it is none, or beyond what a double can hold.
    static std::optional<Value> parse_number(std::string_view text);

    Type type() const noexcept { return type_; }
    bool is_null() const noexcept { return type_ == Type::null; }
    bool is_text() const noexcept { return type_ == Type::text; }
    bool is_number() const noexcept { return type_ >= Type::integer && type_ <= Type::number; }
    bool truth() const noexcept { return integer_ != 0; }
    std::int64_t integer() const noexcept { return integer_; }
    // Of texts, JSON and digits.
    const std::string &text() const noexcept { return text_; }

    // What kind of value it is, for people.
    const char *kind() const noexcept;
    std::optional<double> as_number() const noexcept;
    // As a text, where there are no types: a cell of CSV, an element of XML.
    std::string plain() const;
    void write_plain(std::string &to) const;
    void write_json(std::string &to) const;
    // Bytes that it takes in memory, about.
    std::size_t size() const noexcept { return sizeof(Value) + (text_.size() > 15 ? text_.size() + 16 : 0); }

    bool operator==(const Value &other) const noexcept;

  private:
    Value(Type type, std::int64_t integer) : type_(type), integer_(integer) {}
    Value(Type type, std::string text) : type_(type), text_(std::move(text)) {}

    Type type_ = Type::null;
    union {
        std::int64_t integer_ = 0;
        double number_;
    };
    std::string text_;
};

// A JSON string.
void write_quoted(std::string_view text, std::string &to);

// Many records share the name of a field.
using Name = std::shared_ptr<const std::string>;
inline Name name_of(std::string_view text) { return std::make_shared<const std::string>(text); }
inline bool is_same(const Name &left, const Name &right) noexcept { return left == right || *left == *right; }

// Fields in their order, and where the record begins in its document.
struct Record {
    std::vector<std::pair<Name, Value>> fields;
    Place place;

    const Value *get(std::string_view name) const noexcept;
    // Replaces a field, or adds it at the end.
    void set(const Name &name, Value value);
    // Bytes that it takes in memory, about.
    std::size_t size() const noexcept;
    lao::InvalidInput refuse(const std::string &why) const {
        return lao::InvalidInput("line " + std::to_string(place.line) + ": " + why);
    }
};

// Names of fields that come again in each record, held once.
class Names {
  public:
    // The name of the field at that place.
    const Name &at(std::size_t index, std::string_view name);

  private:
    std::vector<Name> known_;
};

} // namespace data

#endif // RECORD_HPP
