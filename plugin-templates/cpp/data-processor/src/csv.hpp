// CSV as RFC 4180 has it: a line is a record, the first one has the names, fields may stand in quotation marks.
//
// The reader is strict: what a lenient one would guess at (a quotation mark in the middle of a field, a line with too many
// fields) is refused, with its place.
#ifndef CSV_HPP
#define CSV_HPP

#include "record.hpp"

namespace data {

class CsvReader {
  public:
    CsvReader(char delimiter, bool has_header) : delimiter_(delimiter), has_header_(has_header) {}

    std::optional<Record> next(Document &document);

  private:
    bool read_header(Document &document);
    // The cells of the next line that is not empty; where it begins.
    std::optional<Place> line(Document &document);

    char delimiter_;
    bool has_header_;
    std::vector<Name> names_;
    std::vector<std::string> cells_;
    std::string held_;
};

// The columns are the fields of the first record.
class CsvWriter {
  public:
    CsvWriter(char delimiter, bool has_header) : delimiter_(delimiter), has_header_(has_header) {}

    void write(const Record &record, std::string &out);

  private:
    void begin(const Record &record, std::string &out);
    void cell(std::size_t index, std::string_view text, std::string &out) const;

    char delimiter_;
    bool has_header_;
    std::vector<Name> names_;
    std::string plain_;
};

} // namespace data

#endif // CSV_HPP
