// JSON: one document, or many behind each other (NDJSON). A list is a list of records, and so is each of its members;
// a record that is no object has the one field `value`.
#ifndef JSON_HPP
#define JSON_HPP

#include "record.hpp"

namespace data {

class JsonReader {
  public:
    // `is_one`: there is one document; otherwise there may be more behind the first.
    explicit JsonReader(bool is_one) : is_one_(is_one) {}

    std::optional<Record> next(Document &document);

  private:
    enum class State {
        start,
        first,    // within a list, before its first member
        next,     // within a list, behind a member
        sequence, // values behind each other
        end       // behind the one document
    };

    std::optional<Record> begin(Document &document, std::optional<char> next);
    std::optional<Record> member(Document &document, std::optional<char> next);
    std::optional<Record> value(Document &document, std::optional<char> next);
    Record record(Document &document);

    bool is_one_;
    State state_ = State::start;
    std::string held_;
    Names names_;
};

// A list of objects, or an object in each line.
class JsonWriter {
  public:
    explicit JsonWriter(bool in_lines) : in_lines_(in_lines) {}

    void write(const Record &record, std::string &out);
    void end(std::string &out);

  private:
    bool in_lines_;
    bool is_first_ = true;
};

// The value of a JSON document; nothing when it is none.
std::optional<Value> parse_json(std::string_view document);

} // namespace data

#endif // JSON_HPP
