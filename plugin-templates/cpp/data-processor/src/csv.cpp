#include "csv.hpp"

#include <lao/c/utf8.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

namespace data {
namespace {

constexpr const char *UNCLOSED = "the quotation mark that opens here is never closed";

// Finds the end of a line, in whatever pieces it comes; as Document::gather wants it.
class LineEnd {
  public:
    bool operator()(std::string_view bytes, std::size_t &count) {
        for (std::size_t at = 0; at < bytes.size(); at++) {
            if (bytes[at] == '"') {
                in_quotes_ = !in_quotes_; // two in a row leave it as it was
            } else if (bytes[at] == '\n' && !in_quotes_) {
                count = at + 1;
                return true;
            } else if (in_quotes_) {
                at = std::min(bytes.find('"', at), bytes.size()) - 1;
            }
        }
        return false;
    }

  private:
    bool in_quotes_ = false;
};

std::string_view without_end(std::string_view line) {
    line.remove_suffix(!line.empty() && line.back() == '\n' ? 1 : 0);
    line.remove_suffix(!line.empty() && line.back() == '\r' ? 1 : 0);
    return line;
}

void check_cell(std::string_view cell, std::size_t at) {
    const auto is_plain = [](char c) { return c != '\0' && static_cast<unsigned char>(c) < 0x80; };
    if (std::all_of(cell.begin(), cell.end(), is_plain)) {
        return;
    }
    const char *next = cell.data(), *const end = next + cell.size();
    while (next < end) {
        const char *const from = next;
        const std::int32_t character = lao_utf8_next(&next, end);
        if (character <= 0) {
            const char *why = character < 0 ? "this is not UTF-8" : "a field holds a NUL character";
            throw Refused{at + static_cast<std::size_t>(from - cell.data()), why};
        }
    }
}

// Where a cell without quotation marks ends.
std::size_t plain(std::string_view line, std::size_t at, char delimiter, std::string &cell) {
    const std::size_t end = std::min(line.find(delimiter, at), line.size());
    for (std::size_t i = at; i < end; i++) {
        if (line[i] == '"' || line[i] == '\r') {
            throw Refused{i, line[i] == '"' ? "a quotation mark stands within a field that does not begin with one"
                                            : "a carriage return stands alone"};
        }
    }
    check_cell(line.substr(at, end - at), at);
    cell.assign(line, at, end - at);
    return end;
}

std::size_t quoted(std::string_view line, std::size_t open, std::string &cell) {
    cell.clear();
    for (std::size_t at = open + 1;;) {
        const std::size_t mark = line.find('"', at);
        if (mark == std::string_view::npos) {
            throw Refused{open, UNCLOSED};
        }
        check_cell(line.substr(at, mark - at), at);
        cell.append(line, at, mark - at);
        if (mark + 1 >= line.size() || line[mark + 1] != '"') {
            return mark + 1;
        }
        cell += '"';
        at = mark + 2;
    }
}

void split(std::string_view line, char delimiter, std::vector<std::string> &cells) {
    std::size_t count = 0;
    for (std::size_t at = 0;; count++) {
        if (count == MOST_FIELDS) {
            throw Refused{at, "a record has more than 10000 fields"};
        }
        if (count == cells.size()) {
            cells.emplace_back();
        }
        const bool is_quoted = at < line.size() && line[at] == '"';
        const std::size_t end = is_quoted ? quoted(line, at, cells[count]) : plain(line, at, delimiter, cells[count]);
        if (end == line.size()) {
            break;
        }
        if (line[end] != delimiter) {
            throw Refused{end, "a field goes on behind its closing quotation mark"};
        }
        at = end + 1;
    }
    cells.resize(count + 1);
}

} // namespace

std::optional<Record> CsvReader::next(Document &document) {
    if (names_.empty() && has_header_ && !read_header(document)) {
        return std::nullopt;
    }
    const auto place = line(document);
    if (!place) {
        return std::nullopt;
    }
    if (names_.empty()) {
        for (std::size_t i = 1; i <= cells_.size(); i++) {
            names_.push_back(name_of("column" + std::to_string(i)));
        }
    }
    if (cells_.size() != names_.size()) {
        throw place->refuse("the record has " + std::to_string(cells_.size()) + " fields, and the first line " +
                            std::to_string(names_.size()));
    }
    Record record{{}, *place};
    record.fields.reserve(cells_.size());
    for (std::size_t i = 0; i < cells_.size(); i++) {
        record.fields.emplace_back(names_[i], Value::of_text(std::move(cells_[i])));
    }
    return record;
}

bool CsvReader::read_header(Document &document) {
    const auto place = line(document);
    if (!place) {
        return false;
    }
    std::unordered_set<std::string_view> known;
    for (std::size_t i = 0; i < cells_.size(); i++) {
        if (cells_[i].empty()) {
            throw place->refuse("column " + std::to_string(i + 1) + " has no name");
        }
        if (!known.insert(cells_[i]).second) {
            throw place->refuse("two columns are called `" + cells_[i] + "`");
        }
    }
    for (const auto &cell : cells_) {
        names_.push_back(name_of(cell));
    }
    return true;
}

std::optional<Place> CsvReader::line(Document &document) {
    for (;;) {
        const Place place = document.place();
        const bool is_whole = document.gather(held_, LineEnd());
        if (held_.empty()) {
            return std::nullopt;
        }
        const bool is_too_long = !is_whole && held_.size() > document.most();
        const std::string_view text = without_end(held_);
        // In a line of one column nothing is a field, too.
        if (text.empty() && names_.size() != 1) {
            continue;
        }
        try {
            split(text, delimiter_, cells_);
        } catch (const Refused &refused) {
            // An open quotation mark may be all that made it too long; what else is wrong helps more.
            if (!is_too_long || std::strcmp(refused.why.c_str(), UNCLOSED) != 0) {
                throw place.after(text.substr(0, refused.at)).refuse(refused.why);
            }
        }
        if (is_too_long) {
            throw place.refuse(document.too_long());
        }
        return place;
    }
}

void CsvWriter::write(const Record &record, std::string &out) {
    if (names_.empty()) {
        begin(record, out);
    }
    bool is_same_shape = record.fields.size() == names_.size();
    for (std::size_t i = 0; is_same_shape && i < names_.size(); i++) {
        is_same_shape = is_same(record.fields[i].first, names_[i]);
    }
    if (!is_same_shape) {
        for (const auto &[name, value] : record.fields) {
            const auto is_it = [&field = name](const Name &known) { return is_same(known, field); };
            if (std::none_of(names_.begin(), names_.end(), is_it)) {
                throw record.refuse(
                    "the field `" + *name +
                    "` is not among those of the first record: add a step `select` that names the columns");
            }
        }
    }
    for (std::size_t i = 0; i < names_.size(); i++) {
        const Value *value = is_same_shape ? &record.fields[i].second : record.get(*names_[i]);
        plain_.clear();
        if (value != nullptr) {
            value->write_plain(plain_);
        }
        cell(i, plain_, out);
    }
    out += '\n';
}

void CsvWriter::begin(const Record &record, std::string &out) {
    for (const auto &field : record.fields) {
        if (has_header_ && field.first->empty()) {
            throw record.refuse("a field without a name has no column in CSV");
        }
        names_.push_back(field.first);
    }
    if (names_.empty()) {
        throw record.refuse("a record without fields has no line in CSV");
    }
    if (has_header_) {
        for (std::size_t i = 0; i < names_.size(); i++) {
            cell(i, *names_[i], out);
        }
        out += '\n';
    }
}

void CsvWriter::cell(std::size_t index, std::string_view text, std::string &out) const {
    if (index > 0) {
        out += delimiter_;
    }
    const auto is_special = [this](char c) { return c == delimiter_ || c == '"' || c == '\n' || c == '\r'; };
    // An empty line would be none, so its only cell is written as a quoted nothing; and what a document begins with may
    // look like the mark of UTF-8.
    const bool is_marked = index == 0 && text.substr(0, 3) == "\xEF\xBB\xBF";
    if (std::none_of(text.begin(), text.end(), is_special) && !(names_.size() == 1 && text.empty()) && !is_marked) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        out += c == '"' ? "\"\"" : std::string_view(&c, 1);
    }
    out += '"';
}

} // namespace data
