// Groups of records, and what is computed of each.
#ifndef AGGREGATE_HPP
#define AGGREGATE_HPP

#include <lao/cpp/json_read.hpp>
#include <unordered_map>

#include "expression.hpp"

namespace data {

// What `sort` and `aggregate` hold in memory, all together.
struct Kept {
    std::size_t bytes = 0;
    std::size_t most = 0;

    void add(std::size_t more, const char *step);
};

class Aggregate {
  public:
    // Throws Wrong.
    static Aggregate parse(const lao::JsonValue &value);

    void add(const Record &record, Kept &kept);
    // A record of each group, in the order of their first ones.
    std::vector<Record> take();

  private:
    enum class Operation { count, sum, mean, min, max, first, last };

    struct Total {
        std::int64_t count = 0;
        Value value;
    };
    struct Result {
        Name name;
        Operation operation;
        std::optional<Expression> of;
    };
    struct Group {
        Record record;
        std::vector<Total> totals;
    };

    static Result parse_result(std::string_view name, std::string_view formula);
    static void add(Operation operation, Total &total, Value value);
    static Value result(Operation operation, Total total);
    Group &group(const Record &record, Kept &kept);

    std::vector<Name> by_;
    std::vector<Result> results_;
    std::unordered_map<std::string, std::size_t> places_;
    std::vector<Group> groups_;
};

// Members of a declaration; each throws Wrong for what is something else.
std::string_view declared_text(const lao::JsonValue &value);
std::vector<Name> declared_names(const lao::JsonValue &value);
const std::vector<lao::JsonValue::Member> &declared_members(const lao::JsonValue &value);
// Runs `read` for a member, and says which one it was where it throws.
template <class Read> auto of_member(const std::string &name, Read read) {
    try {
        return read();
    } catch (const Wrong &wrong) {
        throw Wrong{"`" + name + "`: " + wrong.why};
    }
}

} // namespace data

#endif // AGGREGATE_HPP
